using System.Collections.Concurrent;

namespace Tracking.Management.Requests;

/// <summary>The answers for which this process waits, and the queue at which they arrive.</summary>
/// <param name="prefix">The beginning of the queue's name.</param>
/// <typeparam name="T">The type of the answer.</typeparam>
internal sealed class BusAnswers<T>(string prefix)
{
    private readonly ConcurrentDictionary<Guid, TaskCompletionSource<T>> _expected = new();

    /// <summary>The name of the queue, which only this process reads.</summary>
    public string Queue { get; } = $"{prefix}{Guid.NewGuid():N}";

    /// <summary>Begins to wait for the answer to a request. <see cref="Forget"/> ends the wait.</summary>
    public Task<T> Expect(Guid request) => _expected.GetOrAdd(
        request, static _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Ends the wait.</summary>
    public void Forget(Guid request) => _expected.TryRemove(request, out _);

    /// <summary>Receives an answer. The wait may have ended already, or the answer may be a repetition.</summary>
    public void Complete(Guid request, T answer)
    {
        if (_expected.TryGetValue(request, out var expected))
        {
            expected.TrySetResult(answer);
        }
    }
}
