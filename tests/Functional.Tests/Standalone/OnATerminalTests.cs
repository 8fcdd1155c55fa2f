using System.Diagnostics;
using Tracking.Servers;
using Tracking.Standalone.PrivatePostgres;

namespace Tracking.Functional.Tests.Standalone;

/// <summary>A person at a terminal sees the admin key of the first start.</summary>
public sealed class OnATerminalTests
{
    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_new_admin_key_is_shown_there_and_where_it_is_kept()
    {
        using var folder = new TemporaryFolder();
        var data = folder.In("data");
        var settings = new Dictionary<string, string>
        {
            ["TRACKING_DATA"] = data,
            ["TRACKING_HTTP_PORT"] = "0",
            ["TRACKING_EDGE_PORT"] = "0",
            ["TRACKING_EDGE_TLS_PORT"] = "0",
        };
        if (Environment.GetEnvironmentVariable("DOTNET_ROOT") is { } dotnet)
        {
            settings["DOTNET_ROOT"] = dotnet;
        }

        // script gives the program a terminal and writes down what it shows.
        using var terminal = await ServerProcess.StartAsync(
            ["script", "-qfec", BuiltPrograms.Standalone, "/dev/null"], folder.Path, settings);
        try
        {
            await Eventually.HoldsAsync(
                () => terminal.HasExited || terminal.Output.Contains("  admin key", StringComparison.Ordinal),
                "it is ready",
                Ends);

            var key = (await File.ReadAllTextAsync(Path.Combine(data, "admin.key"), Ends)).Trim();
            Assert.Contains(
                $"  admin key  {key} (kept in {data}/admin.key)", terminal.Output, StringComparison.Ordinal);
        }
        finally
        {
            using var stop = Process.Start("kill", [await File.ReadAllTextAsync(Path.Combine(data, "tracking.pid"))]);
            await Eventually.HoldsAsync(() => terminal.HasExited, "it has ended", CancellationToken.None);
            await Task.Run(() => StopLeftovers.Of(Path.Combine(data, "postgres")), CancellationToken.None);
        }
    }
}
