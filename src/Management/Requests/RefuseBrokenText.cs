using System.Globalization;
using System.Text.Json;
using Tracking.Api;

namespace Tracking.Management.Requests;

/// <summary>
/// Finds JSON that is not text: half a surrogate pair (<c>"\ud800"</c>), bytes that are not UTF-8, and U+0000, which
/// PostgreSQL cannot store. The check runs once, before anything is read, so no handler has to care.
/// </summary>
internal static class RefuseBrokenText
{
    /// <summary>The problem that names the first such place; <see langword="null"/> if all is text.</summary>
    /// <exception cref="JsonException">The bytes are not JSON.</exception>
    public static Problem? Find(ReadOnlySpan<byte> json, int maxDepth)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = maxDepth });
        // The position on each level: the name of a member, or the number of an entry.
        var path = new List<(string? Name, int Index)>();
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.EndObject or JsonTokenType.EndArray:
                    path.RemoveAt(path.Count - 1);
                    continue;
                case JsonTokenType.PropertyName:
                    if (Text(ref reader) is not { } name)
                    {
                        return Problem(PathOf(path.SkipLast(1)), "the name of a member");
                    }

                    path[^1] = (name, 0);
                    continue;
            }

            if (path is [.., (null, var index)])
            {
                path[^1] = (null, index + 1);
            }

            if (reader.TokenType == JsonTokenType.String && Text(ref reader) is null)
            {
                return Problem(PathOf(path), "it");
            }

            if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
            {
                path.Add((reader.TokenType == JsonTokenType.StartObject ? "" : null, -1));
            }
        }

        return null;
    }

    private static string? Text(ref Utf8JsonReader reader)
    {
        try
        {
            var text = reader.GetString()!;
            return text.Contains('\0', StringComparison.Ordinal) ? null : text;
        }
        catch (InvalidOperationException)
        {
            // The reader throws this for half a surrogate pair and for bytes that are not UTF-8.
            return null;
        }
    }

    private static string PathOf(IEnumerable<(string? Name, int Index)> path)
    {
        var text = string.Concat(path.Select(step => step.Name is null
            ? string.Create(CultureInfo.InvariantCulture, $"[{step.Index}]")
            : "." + step.Name)).TrimStart('.');
        return text.Length switch
        {
            0 => "body",
            > 100 => text[..100] + "…",
            _ => text,
        };
    }

    private static Problem Problem(string name, string what)
    {
        var errors = new InputErrors();
        errors.Add(name, $"{what} is not text: half a surrogate pair, bytes that are not UTF-8, or U+0000; takes Unicode.");
        return errors.ToProblem();
    }
}
