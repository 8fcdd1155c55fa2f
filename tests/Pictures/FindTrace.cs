using System.Text.Json.Nodes;
using Tracking.Servers;

namespace Tracking.Pictures;

/// <summary>Asks the dashboard which spans it has.</summary>
internal static class FindTrace
{
    /// <summary>Waits for the trace whose stored event links to another.</summary>
    /// <returns>Its id.</returns>
    public static async Task<string> LinkedToAsync(string trace, Uri dashboard, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { BaseAddress = dashboard };
        string? found = null;
        await Eventually.HoldsAsync(
            async () =>
            {
                var spans = JsonNode.Parse(await http.GetStringAsync("/api/telemetry/spans", cancellationToken));
                return (found = Objects(spans)
                    .Where(node => (string?)node["name"] == "store event" && node["links"] is not null
                        && node["links"]!.ToJsonString().Contains(trace, StringComparison.Ordinal))
                    .Select(span => (string?)span["traceId"]).FirstOrDefault()) is not null;
            },
            "the dashboard has the click's trace",
            cancellationToken);
        return found!;
    }

    private static IEnumerable<JsonObject> Objects(JsonNode? node) => node switch
    {
        JsonObject json => json.SelectMany(pair => Objects(pair.Value)).Prepend(json),
        JsonArray list => list.SelectMany(Objects),
        _ => [],
    };
}
