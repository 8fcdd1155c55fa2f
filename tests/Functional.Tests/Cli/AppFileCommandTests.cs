using System.Text.Json.Nodes;
using Tracking.Functional.Tests.Management;
using Tracking.Functional.Tests.Management.Domains;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Cli;

/// <summary><c>trackctl domains app-file</c>.</summary>
[Collection(nameof(ManagementCollection))]
public sealed class AppFileCommandTests(ManagementHost host)
{
    [Fact]
    public async Task A_file_with_line_ends_and_tabs_is_stored_printed_and_deleted()
    {
        using var domains = await DomainClient.CreateAsync(host);
        using var folder = new TemporaryFolder();
        var name = await domains.AddActiveAsync();
        const string content = "[\r\n\t{\"relation\": [\"delegate_permission/common.handle_all_urls\"]}\n]\n";
        await File.WriteAllTextAsync(
            folder.In("assetlinks.json"), content, TestContext.Current.CancellationToken);

        Assert.Equal((0, "", ""), await RunAsync("--from", folder.In("assetlinks.json")));
        var (exit, output, error) = await RunAsync();
        Assert.Equal((0, ""), (exit, error));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(content), JsonNode.Parse(output)), output);
        Assert.Equal((0, "", ""), await RunAsync("--delete"));
        Assert.Equal(3, (await RunAsync()).Item1);

        Task<(int, string, string)> RunAsync(params string[] more) => Trackctl.RunAsync(
            host.Url, host.AdminKey,
            ["domains", "app-file", name, "assetlinks.json", "--cluster", domains.Cluster, .. more]);
    }
}
