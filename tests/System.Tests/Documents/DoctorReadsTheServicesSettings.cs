using Tracking.Cli.Commands.Doctor;
using Tracking.Servers;

namespace Tracking.System.Tests.Documents;

/// <summary><c>trackctl doctor</c> reads the services' settings: each is in docs/configuration.md, which is written
/// from the options classes, with the same default.</summary>
public sealed class DoctorReadsTheServicesSettings
{
    public static TheoryData<string, string?> Read =>
        new(from setting in DoctorSettings.Defaults select (setting.Key, setting.Value));

    [Theory]
    [MemberData(nameof(Read))]
    public void Every_setting_is_one_of_a_service_with_the_same_default(string name, string? @default)
    {
        var row = File.ReadLines(Path.Combine(BuiltPrograms.Repository, "docs", "configuration.md"))
            .Single(line => line.StartsWith($"| `{name}` |", StringComparison.Ordinal));

        var cell = row.Split('|')[3].Trim().Trim('`');
        Assert.Equal(@default is null, cell is "not set" or "none");
        Assert.True(@default is null || cell == @default, row);
    }

    [Fact]
    public void The_document_of_operation_names_every_setting_that_it_reads()
    {
        var document = File.ReadAllText(Path.Combine(BuiltPrograms.Repository, "docs", "operation.md"));

        Assert.All(
            DoctorSettings.Defaults.Keys, name => Assert.Contains($"`{name}`", document, StringComparison.Ordinal));
    }
}
