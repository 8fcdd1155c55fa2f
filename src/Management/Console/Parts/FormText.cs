namespace Tracking.Management.Console.Parts;

/// <summary>What people type into a field of several lines.</summary>
internal static class FormText
{
    /// <summary>Its entries: one a line, commas count as line ends.</summary>
    public static IReadOnlyList<string> Lines(string? text) => (text ?? "").Split(
        ['\n', '\r', ','], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
