using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Api;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Auth;

namespace Tracking.Management.Console.Parts;

/// <summary>The common part of the pages for a cluster's keys and for the admins' keys.</summary>
public abstract class KeysPage : ClusterPage
{
    internal FormErrors Errors { get; } = new();

    internal IReadOnlyList<ApiKeyResponse>? Keys { get; private set; }

    internal NewApiKeyResponse? New { get; private set; }

    /// <summary>The name of a new key.</summary>
    [SupplyParameterFromForm]
    public string? Name { get; set; }

    /// <summary>The key to revoke.</summary>
    [SupplyParameterFromForm]
    public string? Revoked { get; set; }

    /// <summary>The services.</summary>
    [Inject]
    public IServiceProvider Services { get; set; } = null!;

    /// <summary>Redirects after a form.</summary>
    [Inject]
    public NavigationManager Navigation { get; set; } = null!;

    /// <summary>The owner of the keys: a cluster, or <see langword="null"/> for the admins.</summary>
    protected abstract ClusterId? Owner { get; }

    private TrackingDb Db => Services.GetRequiredService<TrackingDb>();

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync() => await LoadAsync();

    /// <summary>Creates a key. The answering page shows it, this once.</summary>
    protected async Task CreateAsync()
    {
        var (created, refusal) = await KeepApiKeys.CreateAsync(
            new JsonObject { ["name"] = Name?.Trim() ?? "" },
            Holder,
            Owner,
            Db,
            Services.GetRequiredService<ApiKeyAuthentication>(),
            Services.GetRequiredService<DirectoryChanges>(),
            Services.GetRequiredService<TimeProvider>(),
            Http.RequestAborted);
        if (!Errors.Take(refusal, "name"))
        {
            (New, Name) = (created, null);
            await LoadAsync();
        }
    }

    /// <summary>Revokes a key.</summary>
    protected async Task RevokeAsync()
    {
        var answer = await KeepApiKeys.RevokeAsync(
            Revoked ?? "",
            Holder,
            Owner,
            Db,
            Services.GetRequiredService<DirectoryChanges>(),
            Services.GetRequiredService<TimeProvider>(),
            Http.RequestAborted);
        if (!Errors.Take(answer.Result as Problem, "revoke"))
        {
            Navigation.NavigateTo(Http.Request.Path + "?done=revoked");
        }
    }

    private async Task LoadAsync() => Keys =
        (await KeepApiKeys.ListAsync(Owner, Db, Http.RequestAborted)).Value!.Items;
}
