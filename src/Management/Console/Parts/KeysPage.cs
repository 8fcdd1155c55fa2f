using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Api;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Auth;

namespace Tracking.Management.Console.Parts;

/// <summary>What the pages of a cluster's and of the admins' keys have in common.</summary>
public abstract class KeysPage : ClusterPage
{
    internal FormErrors Errors { get; } = new();

    internal IReadOnlyList<ApiKeyResponse>? Keys { get; private set; }

    internal NewApiKeyResponse? New { get; private set; }

    /// <summary>What a new key is called.</summary>
    [SupplyParameterFromForm]
    public string? Name { get; set; }

    /// <summary>The key to revoke.</summary>
    [SupplyParameterFromForm]
    public string? Revoked { get; set; }

    /// <summary>Everything else.</summary>
    [Inject]
    public IServiceProvider Services { get; set; } = null!;

    /// <summary>Where forms lead.</summary>
    [Inject]
    public NavigationManager Navigation { get; set; } = null!;

    /// <summary>Whose keys: a cluster's, or the admins'.</summary>
    protected abstract ClusterId? Owner { get; }

    private TrackingDb Db => Services.GetRequiredService<TrackingDb>();

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync() => await LoadAsync();

    /// <summary>Makes a key; the page that answers shows it, once.</summary>
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
