using Tracking.Otlp;
using Tracking.Servers;

namespace Tracking.System.Tests;

/// <summary>All services, two copies of those that run in copies, with a collector, for tests that do not damage the
/// deployment.</summary>
public sealed class WholeDeployment : IAsyncLifetime
{
    /// <summary>The running system.</summary>
    public Deployment Deployment { get; private set; } = null!;

    /// <summary>The receiver of its telemetry.</summary>
    public OtlpReceiver Telemetry { get; private set; } = null!;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        Telemetry = await OtlpReceiver.StartAsync();
        var shape = new DeploymentShape
        {
            IsWhole = true,
            Rewriters = 2,
            Edges = 2,
            Ingests = 2,
            Managements = 2,
            // A longer interval, because frequent exports of ten processes would use up two cores.
            Settings = new Dictionary<string, string>(Telemetry.Variables) { ["OTEL_METRIC_EXPORT_INTERVAL"] = "5000" },
        };
        Deployment = await Deployment.StartAsync(shape, TestContext.Current.CancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Deployment is not null)
        {
            await Deployment.DisposeAsync();
        }

        await Telemetry.DisposeAsync();
    }
}

/// <summary>Tests that share a <see cref="WholeDeployment"/>.</summary>
[CollectionDefinition]
public sealed class InTheWholeDeployment : ICollectionFixture<WholeDeployment>;
