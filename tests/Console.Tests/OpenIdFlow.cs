using Microsoft.Playwright;
using Tracking.Servers;

namespace Tracking.Console.Tests;

/// <summary>Signing in by OpenID Connect.</summary>
public sealed class OpenIdFlow(Running running)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_person_of_the_provider_gets_the_rights_of_their_groups()
    {
        await using var provider = await SomeProvider.StartAsync(Cancelled);
        using var home = new TemporaryFolder();
        using var console = new ServiceProcess(
            "Management", "console with a provider", home.Path, new Dictionary<string, string>
            {
                ["ConnectionStrings__tracking"] = running.Server.DatabaseConnection,
                ["Tracking__MasterKeyFile"] = Path.Combine(running.Server.DataFolder, "master.key"),
                ["Tracking__Console__OpenId__Authority"] = provider.Address,
                ["Tracking__Console__OpenId__ClientId"] = SomeProvider.Client,
                ["Tracking__Console__OpenId__ClientSecret"] = SomeProvider.Secret,
                ["Tracking__Console__OpenId__Name"] = "the test's provider",
            });
        await console.StartAsync(Cancelled);

        // An admin, who returns to the requested page.
        provider.Person = ("1", "anna@example.com", ["staff", "tracking-admins"]);
        await using (var visit = await Visit.BeginAsync(running, address: console.Address))
        {
            await visit.Page.GotoAsync("/services");
            await visit.AssertAccessibleAsync();
            await SignInAsync(visit);
            await visit.Page.GetByRole(AriaRole.Heading, new() { Name = "Services" }).WaitForAsync();

            // A revocation works as for a key: it ends the session and refuses another login.
            await visit.Page.GotoAsync("/admin-keys");
            await visit.Page.GetByText("OpenID: anna@example.com").WaitForAsync();
            await running.ExecuteAsync(
                "UPDATE management.api_keys SET revoked_at = now() WHERE name = 'OpenID: anna@example.com'");
            await Eventually.HoldsAsync(
                async () =>
                {
                    await visit.Page.GotoAsync("/clusters");
                    return visit.Page.Url.Contains("/sign-in", StringComparison.Ordinal);
                },
                "the session ends",
                Cancelled);
            await SignInAsync(visit);
            await visit.Page.GetByText("An admin has revoked your access.").WaitForAsync();
        }

        // A user of one cluster, with a browser without scripts.
        provider.Person = ("2", "tom@example.com", [$"tracking-cluster-{running.Shop.Id}"]);
        await using (var visit = await Visit.BeginAsync(running, Reader.WithoutScripts, console.Address))
        {
            await visit.Page.GotoAsync("/");
            await SignInAsync(visit);
            await visit.Page.GetByRole(AriaRole.Heading, new() { Name = "Overview" }).WaitForAsync();
            Assert.Equal(404, (await visit.Page.GotoAsync("/clusters"))!.Status);
        }

        // A user of the provider without a group of ours.
        provider.Person = ("3", "mei@example.com", ["staff"]);
        await using (var visit = await Visit.BeginAsync(running, address: console.Address))
        {
            await visit.Page.GotoAsync("/");
            await SignInAsync(visit);
            await visit.Page.GetByText("nothing here is for you").WaitForAsync();
        }

        // A login answer without a login request.
        await using (var visit = await Visit.BeginAsync(running, address: console.Address))
        {
            await visit.Page.GotoAsync("/sign-in/openid/done?code=1&state=2");
            await visit.Page.GetByText("Signing in there did not work.").WaitForAsync();
        }
    }

    private static Task SignInAsync(Visit visit) =>
        visit.Page.GetByRole(AriaRole.Link, new() { Name = "Sign in with the test's provider" }).ClickAsync();
}
