using Microsoft.Extensions.Options;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>Bounds the database connections of deliveries: hundreds of visits at a time must not take those that
/// storing events needs.</summary>
internal sealed class WebhookConnections(IOptions<WebhookOptions> options) : IDisposable
{
    private readonly SemaphoreSlim _places = new(options.Value.Connections, options.Value.Connections);

    /// <summary>Waits for a place; disposing gives it back.</summary>
    public async Task<IDisposable> TakeAsync(CancellationToken cancellationToken)
    {
        await _places.WaitAsync(cancellationToken);
        return new Place(_places);
    }

    /// <inheritdoc/>
    public void Dispose() => _places.Dispose();

    private sealed class Place(SemaphoreSlim places) : IDisposable
    {
        public void Dispose() => places.Release();
    }
}
