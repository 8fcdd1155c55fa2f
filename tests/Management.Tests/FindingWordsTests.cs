using System.Text.Json;
using Tracking.Domains;
using Tracking.Management.Console.Texts;

namespace Tracking.Management.Tests;

/// <summary>The console's short words for what a check of a tracking domain finds.</summary>
public sealed class FindingWordsTests
{
    public static TheoryData<FindingCode> Codes => [.. Enum.GetValues<FindingCode>()];

    [Theory]
    [MemberData(nameof(Codes))]
    public void Every_finding_has_words_of_its_own(FindingCode code) => Assert.NotEqual(
        Words.Domain.Finding("a finding of a later version"),
        Words.Domain.Finding(JsonSerializer.Serialize(code).Trim('"')));

    [Theory]
    [InlineData(FindingCode.Servfail)]
    [InlineData(FindingCode.TimeOut)]
    [InlineData(FindingCode.NameServerAddressRefused)]
    [InlineData(FindingCode.TooManyQueries)]
    public void What_proves_nothing_is_not_called_wrong(FindingCode code) => Assert.Equal(
        "Cannot be checked right now", Words.Domain.Finding(JsonSerializer.Serialize(code).Trim('"')));
}
