using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http;
using Tracking.Api;
using Tracking.Links;

namespace Tracking.Management.Console.Parts;

/// <summary>The base of every page: the request and the signed-in key.</summary>
public abstract class ConsolePage : ComponentBase
{
    /// <summary>The request.</summary>
    [CascadingParameter]
    public HttpContext Http { get; set; } = null!;

    /// <summary>The key of the session; <see langword="null"/> on pages that need no session.</summary>
    protected ApiKeyHolder Holder => Http.Features.Get<ApiKeyHolder>()!;

    /// <summary>A value of the query string.</summary>
    protected string? Query(string name) => Http.Request.Query[name] is [{ Length: > 0 and <= 1000 } one] ? one : null;

    /// <summary>Whether the address names something that does not exist.</summary>
    protected bool IsMissing { get; private set; }

    /// <summary>Marks the page as not found: the page says so, and its status is 404.</summary>
    protected void Miss()
    {
        IsMissing = true;
        // The status is set at the last moment, because a page with status 404 during rendering is not sent.
        Http.Response.OnStarting(() =>
        {
            Http.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });
    }

    /// <summary>Whether the request sends a form.</summary>
    protected bool IsPost => HttpMethods.IsPost(Http.Request.Method);
}

/// <summary>A page of a cluster. The session's access to the cluster has been checked before.</summary>
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

    /// <summary>The address of this request with changed values: values are added, replaced, or
    /// (<see langword="null"/>) removed. The values are sorted, so that the same state has one address.</summary>
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

        // With other values the list is another one, so it begins at its first page.
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
