using System.Runtime.CompilerServices;

namespace Tracking.Certificates.Tests;

/// <summary>The ACME client and the sealing of keys know nobody but host names and master keys: neither a database nor
/// a bus, nor each other.</summary>
public sealed class Layers
{
    [Theory]
    [InlineData("Acme")]
    [InlineData("Storage")]
    public void A_folder_at_the_bottom_uses_Links_alone(string folder)
    {
        var files = Directory.GetFiles(Path.Combine(Root(), "src", "Certificates", folder), "*.cs");

        Assert.NotEmpty(files);
        Assert.All(
            files.SelectMany(File.ReadLines).Where(line => line.StartsWith("using Tracking.", StringComparison.Ordinal)),
            line => Assert.Equal("using Tracking.Links;", line));
    }

    private static string Root([CallerFilePath] string thisFile = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", ".."));
}
