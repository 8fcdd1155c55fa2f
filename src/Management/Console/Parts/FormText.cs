namespace Tracking.Management.Console.Parts;

/// <summary>The text of a field with several lines.</summary>
internal static class FormText
{
    /// <summary>The entries: one for each line. A comma ends an entry too.</summary>
    public static IReadOnlyList<string> Lines(string? text) => (text ?? "").Split(
        ['\n', '\r', ','], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
