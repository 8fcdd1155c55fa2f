using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http;
using Tracking.Api;
using Tracking.Links;

namespace Tracking.Management.Console.Parts;

/// <summary>What every page knows: the request, and who asks.</summary>
public abstract class ConsolePage : ComponentBase
{
    /// <summary>The request.</summary>
    [CascadingParameter]
    public HttpContext Http { get; set; } = null!;

    /// <summary>Whose session it is; pages that anybody may see have none.</summary>
    protected ApiKeyHolder Holder => Http.Features.Get<ApiKeyHolder>()!;

    /// <summary>A value of the address.</summary>
    protected string? Query(string name) => Http.Request.Query[name] is [{ Length: > 0 and <= 1000 } one] ? one : null;

    /// <summary>Ends the page as if there were nothing at its address.</summary>
    protected Task NotFoundAsync() => Pages.ErrorPage.WriteAsync(Http, StatusCodes.Status404NotFound);

    /// <summary>Whether the request sends a form.</summary>
    protected bool IsPost => HttpMethods.IsPost(Http.Request.Method);
}

/// <summary>A page of a cluster. The session was checked against it before.</summary>
public abstract class ClusterPage : ConsolePage
{
    /// <summary>The cluster in the address.</summary>
    [Parameter]
    public string Cluster { get; set; } = "";

    /// <summary>The cluster's id.</summary>
    protected ClusterId Id => ClusterId.TryParse(Cluster, out var id)
        ? id : throw new InvalidOperationException("The session's check lets no other text through.");

    /// <summary>The address of a page of this cluster.</summary>
    /// <param name="page">Its path; the overview's is empty.</param>
    protected string To(string page = "") => Addresses.Of(Id, page);
}

/// <summary>Addresses of the console.</summary>
internal static class Addresses
{
    public static string Of(ClusterId cluster, string page = "") =>
        page.Length == 0 ? $"/clusters/{cluster}" : $"/clusters/{cluster}/{page}";

    /// <summary>An address with these values added, changed, or (<see langword="null"/>) taken away; in order, so that
    /// the same state has one address.</summary>
    public static string With(HttpRequest request, params ReadOnlySpan<(string Name, string? Value)> changes)
    {
        var values = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in request.Query)
        {
            if (value is [{ Length: > 0 and <= 1000 } one])
            {
                values[name] = one;
            }
        }

        // A page of a list is counted anew once what is listed is another.
        values.Remove("after");
        foreach (var (name, value) in changes)
        {
            if (value is null)
            {
                values.Remove(name);
            }
            else
            {
                values[name] = value;
            }
        }

        return values.Count == 0
            ? request.Path
            : request.Path + "?" + string.Join(
                '&', values.Select(pair => $"{Uri.EscapeDataString(pair.Key)}={Uri.EscapeDataString(pair.Value)}"));
    }
}
