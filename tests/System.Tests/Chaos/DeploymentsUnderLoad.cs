using Tracking.Servers;

namespace Tracking.System.Tests.Chaos;

/// <summary>One copy of every service for messages and clicks. The scenarios of a collection use it one after the
/// other.</summary>
public abstract class DeploymentUnderLoad : IAsyncLifetime
{
    /// <summary>The running system.</summary>
    public Deployment Deployment { get; private set; } = null!;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => Deployment = await Deployment.StartAsync(
        Outage.Shape, TestContext.Current.CancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return Deployment?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}

/// <summary>The deployment whose services are killed.</summary>
public sealed class ServicesUnderLoad : DeploymentUnderLoad;

/// <summary>The deployment whose broker, cache and database are killed.</summary>
public sealed class EnginesUnderLoad : DeploymentUnderLoad;

/// <summary>Scenarios that kill services, one after the other.</summary>
[CollectionDefinition]
public sealed class KillServices : ICollectionFixture<ServicesUnderLoad>;

/// <summary>Scenarios that kill engines, one after the other and in parallel with <see cref="KillServices"/>.</summary>
[CollectionDefinition]
public sealed class KillEngines : ICollectionFixture<EnginesUnderLoad>;
