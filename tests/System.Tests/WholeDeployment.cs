using Tracking.Otlp;
using Tracking.Servers;

namespace Tracking.System.Tests;

/// <summary>Everything, two of what runs in copies, with a collector: for tests that leave it whole.</summary>
public sealed class WholeDeployment : IAsyncLifetime
{
    /// <summary>The running system.</summary>
    public Deployment Deployment { get; private set; } = null!;

    /// <summary>Where its telemetry goes.</summary>
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
            // Ten processes that export their metrics all the time leave little of two cores.
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
