using Tracking.Functional.Tests.Management;

namespace Tracking.Functional.Tests.Cli;

[Collection(nameof(ManagementCollection))]
public sealed class WebhooksCommandTests(ManagementHost host)
{
    [Fact]
    public async Task An_endpoint_goes_from_its_secret_to_its_end()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var made = await DoneAsync(
            "webhooks", "create", "https://shop.example/hooks", "--cluster", cluster, "--events", "message.*",
            "--description", "Orders");
        Assert.Matches("^whsec_[A-Za-z0-9+/]{43}=$", made.Output);
        var id = made.Error.Split(' ', ';')[1];

        var listed = await DoneAsync("webhooks", "list", "--cluster", cluster);
        Assert.Contains(id, listed.Output, StringComparison.Ordinal);
        Assert.Contains("message.*", listed.Output, StringComparison.Ordinal);
        var rotated = await DoneAsync("webhooks", "rotate", id, "--cluster", cluster, "--overlap", "48");
        Assert.Contains("the old one signs too until", rotated.Error, StringComparison.Ordinal);
        Assert.NotEqual(made.Output, rotated.Output);

        var test = await DoneAsync("webhooks", "test", id, "--cluster", cluster);
        var deliveries = await DoneAsync("webhooks", "deliveries", id, "--cluster", cluster);
        Assert.Contains(test.Output, deliveries.Output, StringComparison.Ordinal);
        await host.ExecuteAsync(
            """
            INSERT INTO webhooks.attempts (cluster_id, endpoint_id, delivery_id, number, at, took_ms, succeeded,
                http_status, error, answer)
            SELECT cluster_id, endpoint_id, id, 1, now(), 12, false, 500, 'The receiver answered 500.', 'Oh no.'
            FROM webhooks.deliveries WHERE id = $1
            """,
            Guid.Parse(test.Output));
        await host.ExecuteAsync("UPDATE webhooks.deliveries SET status = 2 WHERE id = $1", Guid.Parse(test.Output));
        var shown = await DoneAsync("webhooks", "delivery", id, test.Output, "--cluster", cluster);
        Assert.Contains("The receiver answered 500.", shown.Output, StringComparison.Ordinal);
        Assert.Contains("Oh no.", shown.Output, StringComparison.Ordinal);

        var one = await DoneAsync("webhooks", "replay", id, test.Output, "--cluster", cluster);
        Assert.Equal(test.Output, one.Output);
        var failed = await DoneAsync("webhooks", "replay", id, "--failed", "--cluster", cluster);
        Assert.Equal("0 on their way.", failed.Output);
        var missing = await DoneAsync(
            "webhooks", "replay", id, "--missing", "--from", "2026-11-01", "--cluster", cluster);
        Assert.Equal("0 on their way.", missing.Output);

        var set = await DoneAsync(
            "webhooks", "set", id, "--cluster", cluster, "--enabled", "false", "--everything", "--people-only", "true");
        Assert.Contains("disabled (asked)", set.Output, StringComparison.Ordinal);
        Assert.Contains("everything, of people only", set.Output, StringComparison.Ordinal);
        Assert.Equal(set.Output, (await DoneAsync("webhooks", "show", id, "--cluster", cluster)).Output);
        Assert.Equal(3, (await RunAsync("webhooks", "test", id, "--cluster", cluster)).Code);
        await DoneAsync("webhooks", "delete", id, "--cluster", cluster);
        Assert.Equal(3, (await RunAsync("webhooks", "show", id, "--cluster", cluster)).Code);
    }

    [Fact]
    public async Task A_command_with_missing_or_ambiguous_options_says_what_to_give()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var id = Guid.NewGuid().ToString();

        var nothing = await RunAsync("webhooks", "set", id, "--cluster", cluster);
        Assert.Equal(2, nothing.Code);
        Assert.Contains("Nothing to change", nothing.Error, StringComparison.Ordinal);
        var which = await RunAsync("webhooks", "replay", id, "--failed", "--all", "--cluster", cluster);
        Assert.Equal(2, which.Code);
        Assert.Contains("Give one of", which.Error, StringComparison.Ordinal);
    }

    private async Task<(int Code, string Output, string Error)> DoneAsync(params string[] arguments)
    {
        var ended = await RunAsync(arguments);
        Assert.True(ended.Code == 0, ended.Error);
        return ended;
    }

    private Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments) =>
        Trackctl.RunAsync(host.Url, host.AdminKey, arguments);
}
