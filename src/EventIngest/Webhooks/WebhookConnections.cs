using Microsoft.Extensions.Options;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>Limits the database connections of deliveries. Hundreds of simultaneous visits must not take the
/// connections that storing events needs.</summary>
internal sealed class WebhookConnections(IOptions<WebhookOptions> options) : IDisposable
{
    private readonly SemaphoreSlim _places = new(options.Value.Connections, options.Value.Connections);

    /// <summary>Waits for a place. Disposing the result returns the place.</summary>
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
