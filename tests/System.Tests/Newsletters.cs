using Tracking.Servers;

namespace Tracking.System.Tests;

/// <summary>The messages shipped with the tests.</summary>
internal static class Newsletters
{
    /// <summary>The full paths of all messages.</summary>
    public static IReadOnlyList<string> Files { get; } =
        Directory.GetFiles(Path.Combine(BuiltPrograms.Repository, "tests", "Newsletters"), "*.eml");

    /// <summary>The full path of a message.</summary>
    public static string PathOf(string name) => Path.Combine(BuiltPrograms.Repository, "tests", "Newsletters", name);
}
