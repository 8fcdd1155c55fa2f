namespace Tracking.ServiceDefaults.Hosting;

/// <summary>A loop's pause that a call ends. A call during the loop's work is not lost.</summary>
public class CallToWork
{
    private TaskCompletionSource _called = New();

    /// <summary>Ends the current pause, or the next one.</summary>
    public void Call() => Volatile.Read(ref _called).TrySetResult();

    /// <summary>Waits for a call.</summary>
    /// <param name="longest">The longest pause.</param>
    /// <param name="time">The clock of the pause.</param>
    /// <param name="cancellationToken">Ends the pause with an exception.</param>
    public async Task WaitAsync(TimeSpan longest, TimeProvider time, CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(_called.Task, Task.Delay(longest, time, ending.Token));
        await ending.CancelAsync();

        // A call between the pause's end and here counts too, because the work begins after this line.
        Volatile.Write(ref _called, New());
        cancellationToken.ThrowIfCancellationRequested();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
