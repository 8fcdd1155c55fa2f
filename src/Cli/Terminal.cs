using System.Text.Json;
using System.Text.Json.Nodes;

namespace Tracking.Cli;

/// <summary>Where trackctl writes: results to the output, everything else to the error stream.</summary>
internal sealed class Terminal(TextWriter output, TextWriter error, bool json)
{
    private static readonly JsonSerializerOptions _indented = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Whether the server's JSON is printed unchanged.</summary>
    public bool Json => json;

    /// <summary>A line of the result.</summary>
    public void Line(string text) => output.WriteLine(Clean(text));

    /// <summary>JSON as a line, for programs that read lines.</summary>
    public void JsonLine(JsonNode node) => output.WriteLine(node.ToJsonString());

    /// <summary>JSON for people who read it.</summary>
    public void Document(JsonNode node) => output.WriteLine(node.ToJsonString(_indented));

    /// <summary>A line that is no result: progress, a warning or an error.</summary>
    public void Complain(string text) => error.WriteLine(Clean(text));

    /// <summary>Text without control characters. Strangers choose texts such as user agents, and a terminal obeys
    /// escape sequences.</summary>
    public static string Clean(string text) => text.Any(char.IsControl)
        ? string.Concat(text.Select(c => char.IsControl(c) ? '\uFFFD' : c))
        : text;
}
