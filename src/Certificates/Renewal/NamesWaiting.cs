namespace Tracking.Certificates.Renewal;

/// <summary>Calls the loop to look at once: several calls are one.</summary>
internal sealed class NamesWaiting
{
    private readonly SemaphoreSlim _called = new(0, 1);

    public void Call()
    {
        try
        {
            _called.Release();
        }
        catch (SemaphoreFullException)
        {
            // One call waits already.
        }
    }

    public async Task WaitAsync(TimeSpan longest, TimeProvider time, CancellationToken cancellationToken)
    {
        using var wake = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(_called.WaitAsync(wake.Token), Task.Delay(longest, time, wake.Token));
        await wake.CancelAsync();
    }
}
