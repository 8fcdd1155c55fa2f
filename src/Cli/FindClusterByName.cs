using System.Text.Json.Nodes;

namespace Tracking.Cli;

/// <summary>Finds a cluster by its id or by its name. If both match, the id wins.</summary>
internal static class FindClusterByName
{
    // An id has five digits of Crockford's base32, so a word of five letters may look like an id.
    private const int IdLength = 5;

    private const string NotFoundType = "urn:tracking:problem:not-found";

    /// <summary>The description of the option's value for its help.</summary>
    public const string HelpName = "NAME|ID";

    /// <summary>Finds the cluster's id, or the reason why it is not found.</summary>
    /// <param name="api">The server.</param>
    /// <param name="named">A name in any case, or an id.</param>
    /// <param name="cancellationToken">Ends waiting.</param>
    public static async Task<(string Id, ApiAnswer? Refusal)> FindAsync(
        TrackingApi api, string named, CancellationToken cancellationToken)
    {
        ApiAnswer? byId = null;
        if (IsId(named))
        {
            byId = await api.GetAsync($"clusters/{Query.Escape(named)}", cancellationToken);
            if (byId.IsDone)
            {
                return (named, null);
            }

            if (byId.Status != 404)
            {
                return (named, byId);
            }
        }

        var byName = await api.GetAsync($"clusters?name={Query.Escape(named)}", cancellationToken);
        if (!byName.IsDone)
        {
            return (named, byName);
        }

        var items = byName.Json["items"]?.AsArray() ?? [];
        return items.Count == 1
            ? ((string)items[0]!["id"]!, null)
            : (named, byId ?? NoneNamed(named));
    }

    // The server answers a name that no cluster has with an empty list. This is its problem for an unknown id.
    private static ApiAnswer NoneNamed(string named)
    {
        const int NotFound = 404;
        var why = $"There is no cluster named '{Terminal.Clean(named)}' that this key opens; "
            + "trackctl clusters list shows them.";
        return new ApiAnswer(ExitCode.Refused, why)
        {
            Status = NotFound,
            ProblemType = NotFoundType,
            Json = new JsonObject
            {
                ["type"] = NotFoundType,
                ["title"] = "Not found",
                ["status"] = NotFound,
                ["detail"] = why,
            },
        };
    }

    /// <summary>Whether a text has the form of an id.</summary>
    public static bool IsId(string named) => named.Length == IdLength && named.All(char.IsAsciiLetterOrDigit);
}
