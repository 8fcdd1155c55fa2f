namespace Tracking.ServiceDefaults.Hosting;

/// <summary>A loop's pause that a call ends. A call that comes while the loop works is not lost.</summary>
public class CallToWork
{
    private TaskCompletionSource _called = New();

    /// <summary>Ends the pause, or the next one.</summary>
    public void Call() => Volatile.Read(ref _called).TrySetResult();

    /// <summary>Waits until it is called.</summary>
    /// <param name="longest">No longer than this.</param>
    /// <param name="time">The clock of the pause.</param>
    /// <param name="cancellationToken">Ends the pause with an exception.</param>
    public async Task WaitAsync(TimeSpan longest, TimeProvider time, CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(_called.Task, Task.Delay(longest, time, ending.Token));
        await ending.CancelAsync();

        // Whoever calls between the pause's end and here is heard too: the work begins after this.
        Volatile.Write(ref _called, New());
        cancellationToken.ThrowIfCancellationRequested();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
