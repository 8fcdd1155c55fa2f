using System.Text.Json.Nodes;

namespace Tracking.Cli;

/// <summary>Builds paths and queries of the API.</summary>
internal static class Query
{
    /// <summary>A text as one segment of a path or one value of a query.</summary>
    public static string Escape(string? text) => Uri.EscapeDataString(text ?? "");

    /// <summary>The parameter that continues after a page.</summary>
    public static string After(string? cursor) => cursor is null ? "" : $"&after={Escape(cursor)}";

    /// <summary>The query of those parameters that have a value.</summary>
    public static string Of(params ReadOnlySpan<(string Name, string? Value)> parameters)
    {
        var query = "";
        foreach (var (name, value) in parameters)
        {
            if (value is not null)
            {
                query += $"{(query.Length == 0 ? '?' : '&')}{name}={Escape(value)}";
            }
        }

        return query;
    }

    /// <summary>Moves a page's items to the end of a list.</summary>
    public static void MoveItems(JsonObject page, JsonArray to)
    {
        var items = page["items"]?.AsArray() ?? [];
        while (items.Count != 0)
        {
            var item = items[0];
            items.RemoveAt(0);
            to.Add(item);
        }
    }
}
