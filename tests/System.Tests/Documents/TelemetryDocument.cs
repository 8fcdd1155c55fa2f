using System.Text.RegularExpressions;
using Tracking.Servers;

namespace Tracking.System.Tests.Documents;

/// <summary>docs/telemetry.md names every instrument that the services create, and no other.</summary>
public sealed partial class TelemetryDocument
{
    [Fact]
    public void Every_instrument_is_in_the_document_and_every_documented_one_exists()
    {
        var created = new[] { "src", "ServiceDefaults" }
            .SelectMany(folder => Directory.EnumerateFiles(
                Path.Combine(BuiltPrograms.Repository, folder), "*.cs", SearchOption.AllDirectories))
            .SelectMany(file => Created().Matches(File.ReadAllText(file)))
            .Select(match => match.Groups[1].Value);
        var documented = Documented()
            .Matches(File.ReadAllText(Path.Combine(BuiltPrograms.Repository, "docs", "telemetry.md")))
            .Select(match => match.Groups[1].Value);

        Assert.Equal(created.Order(), documented.Order());
    }

    [GeneratedRegex("""Create(?:Counter|Histogram|ObservableGauge)(?:<[a-z]+>)?\(\s*"(tracking\.[a-z.]+)""")]
    private static partial Regex Created();

    [GeneratedRegex(@"^\|[^|]*\| `(tracking\.[a-z.]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Documented();
}
