using System.Runtime.CompilerServices;

namespace Tracking.Certificates.Tests;

/// <summary>The ACME client depends only on host names and on the answers to challenges, not on the database or the
/// bus.</summary>
public sealed class LayersTests
{
    private static readonly string[] _known = ["using Tracking.Links;", "using Tracking.Tls.Challenges;"];

    [Fact]
    public void The_client_uses_host_names_and_challenges_alone()
    {
        var files = Directory.GetFiles(Path.Combine(Root(), "src", "Certificates", "Acme"), "*.cs");

        Assert.NotEmpty(files);
        Assert.All(
            files.SelectMany(File.ReadLines).Where(
                line => line.StartsWith("using Tracking.", StringComparison.Ordinal)),
            line => Assert.Contains(line, _known));
    }

    private static string Root([CallerFilePath] string thisFile = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", ".."));
}
