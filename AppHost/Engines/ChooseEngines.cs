using System.Diagnostics;
using System.Reflection;
using System.Text.Json.Nodes;

namespace Tracking.AppHost.Engines;

/// <summary>
/// <c>Engines</c> (a variable, or <c>--engines</c>): <c>containers</c>, <c>local</c>, or <c>auto</c>. The default is
/// <c>auto</c>: containers if a container engine answers. Publishing always uses containers.
/// </summary>
internal static class ChooseEngines
{
    private const string Setting = "Engines";

    /// <summary>Chooses the engines, and writes the choice to the console.</summary>
    /// <param name="builder">The system.</param>
    /// <param name="data">The folder of local engines' data.</param>
    /// <exception cref="DistributedApplicationException">The setting has another value.</exception>
    public static IEngines For(IDistributedApplicationBuilder builder, string data)
    {
        if (builder.ExecutionContext.IsPublishMode)
        {
            return new ContainerEngines(builder);
        }

        var (engines, reason) = builder.Configuration[Setting]?.ToLowerInvariant() switch
        {
            "containers" => (Containers(), "asked for"),
            "local" => (Local(), "asked for"),
            null or "" or "auto" => ContainersRun(builder.AppHostAssembly!)
                ? (Containers(), "a container engine answers; --engines local uses local programs")
                : (Local(), "no container engine answers"),
            var other => throw new DistributedApplicationException(
                $"{Setting}: got \"{other}\", takes auto, containers or local"),
        };
        Console.WriteLine($"PostgreSQL, RabbitMQ and Redis: {(engines is LocalEngines ? "local programs" : "containers")} ({reason}).");
        return engines;

        IEngines Containers() => new ContainerEngines(builder);
        IEngines Local() => new LocalEngines(builder, data);
    }

    // Checked before the diagram is built: if containers cannot start, services would wait for ever. The orchestrator
    // knows the container engines and how to check them.
    private static bool ContainersRun(Assembly appHost)
    {
        var orchestrator = appHost.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(metadata => string.Equals(metadata.Key, "dcpclipath", StringComparison.OrdinalIgnoreCase)).Value!;
        using var ask = Process.Start(new ProcessStartInfo(orchestrator, ["info"]) { RedirectStandardOutput = true })!;
        var answer = ask.StandardOutput.ReadToEnd();
        ask.WaitForExit();
        return ask.ExitCode == 0 && JsonNode.Parse(answer)?["containers"]?["running"]?.GetValue<bool>() == true;
    }
}
