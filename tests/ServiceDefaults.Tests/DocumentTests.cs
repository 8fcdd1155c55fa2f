using System.Reflection;
using System.Runtime.CompilerServices;
using Tracking.ServiceDefaults.Telemetry;

namespace Tracking.ServiceDefaults.Tests;

public sealed class DocumentTests
{
    [Fact]
    public void Every_telemetry_variable_that_is_checked_is_in_the_document()
    {
        var document = Document("telemetry.md");
        var variables = typeof(TelemetryVariables).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Select(field => field.GetRawConstantValue())
            .OfType<string>();

        Assert.All(variables, variable => Assert.Contains($"`{variable}`", document, StringComparison.Ordinal));
    }

    private static string Document(string name, [CallerFilePath] string thisFile = "") =>
        File.ReadAllText(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "..", "docs", name));
}
