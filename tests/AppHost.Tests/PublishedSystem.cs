using System.Globalization;
using System.Text.Json.Nodes;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Tracking.Servers;
using Tracking.System.Tests.Deploy;

namespace Tracking.AppHost.Tests;

/// <summary>What the AppHost publishes: its manifest, and from its model who waits for whom, which is in no
/// manifest.</summary>
public sealed class PublishedSystem : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>The resources of the manifest that are programs of ours, by name.</summary>
    public IReadOnlyDictionary<string, JsonNode> Services { get; private set; } =
        new Dictionary<string, JsonNode>();

    /// <summary>The containers of the manifest.</summary>
    public IReadOnlyList<string> Engines { get; private set; } = [];

    /// <summary>The ports that each resource listens on, by their names.</summary>
    public IReadOnlyDictionary<string, Dictionary<string, int>> Ports { get; private set; } =
        new Dictionary<string, Dictionary<string, int>>();

    /// <summary>Name of a resource, and the one that it waits for; <see langword="true"/> where for its end.</summary>
    public IReadOnlyList<(string Waiting, string For, bool End)> Waits { get; private set; } = [];

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        var cancelled = TestContext.Current.CancellationToken;
        var file = _folder.In("manifest.json");
        using (var publish = await ServerProcess.StartAsync(
            [BuiltPrograms.AppHost, "--publisher", "manifest", "--output-path", file],
            BuiltPrograms.AppHostFolder,
            new Dictionary<string, string> { ["HOME"] = _folder.Path, ["DOTNET_ENVIRONMENT"] = "Production" }))
        {
            await Eventually.HoldsAsync(() => publish.HasExited, "the manifest is published", cancelled);
            Assert.True(publish.ExitCode == 0, publish.Output);
        }

        var resources = JsonNode.Parse(await File.ReadAllTextAsync(file, cancelled))!["resources"];
        Services = resources.Properties().Where(resource => Type(resource.Value) == "project")
            .ToDictionary(resource => resource.Key, resource => resource.Value!);
        Engines = [.. resources.Properties().Where(resource => Type(resource.Value) == "container")
            .Select(resource => resource.Key)];

        Ports = resources.Properties().Where(resource => Type(resource.Value) is "project" or "container")
            .ToDictionary(
                resource => resource.Key,
                resource => resource.Value.At("bindings").Properties().ToDictionary(
                    binding => binding.Key,
                    binding => int.Parse(
                        binding.Value.Text("targetPort")
                            ?? throw new InvalidOperationException($"{resource.Key}/{binding.Key} has no number."),
                        CultureInfo.InvariantCulture)));

        await using var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.AppHost>(
            ["--publisher", "manifest", "--output-path", file], cancelled);
        Waits = [.. builder.Resources.SelectMany(resource => resource.Annotations.OfType<WaitAnnotation>()
            .Select(wait => (
                resource.Name,
                wait.Resource is IResourceWithParent { Parent: var parent } ? parent.Name : wait.Resource.Name,
                wait.WaitType == WaitType.WaitForCompletion)))];
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    private static string Type(JsonNode? resource) => resource.Text("type")!.Split('.')[0];
}
