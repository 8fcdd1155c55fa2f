using System.Collections.Concurrent;

namespace Tracking.Management.Requests;

/// <summary>The answers that this process waits for, and the queue that they come to.</summary>
/// <param name="prefix">What the queue's name begins with.</param>
/// <typeparam name="T">The answer.</typeparam>
internal sealed class BusAnswers<T>(string prefix)
{
    private readonly ConcurrentDictionary<Guid, TaskCompletionSource<T>> _expected = new();

    /// <summary>The queue, of this process alone.</summary>
    public string Queue { get; } = $"{prefix}{Guid.NewGuid():N}";

    /// <summary>Waits for the answer to a question from now on; <see cref="Forget"/> is its end.</summary>
    public Task<T> Expect(Guid request) => _expected.GetOrAdd(
        request, static _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Waits no more.</summary>
    public void Forget(Guid request) => _expected.TryRemove(request, out _);

    /// <summary>An answer came; perhaps nobody waits for it any more, or it comes again.</summary>
    public void Complete(Guid request, T answer)
    {
        if (_expected.TryGetValue(request, out var expected))
        {
            expected.TrySetResult(answer);
        }
    }
}
