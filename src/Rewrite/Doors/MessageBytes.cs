namespace Tracking.Rewrite.Doors;

/// <summary>Limits the bytes of messages that a door holds at the same time. A message that finds no free bytes is
/// answered with <c>451</c>: its MTA can keep it.</summary>
/// <param name="most">The most bytes.</param>
public sealed class MessageBytes(long most)
{
    private long _taken;

    /// <summary>Takes bytes: all of them or none.</summary>
    public bool TryTake(long bytes)
    {
        if (Interlocked.Add(ref _taken, bytes) <= most)
        {
            return true;
        }

        Return(bytes);
        return false;
    }

    /// <summary>Gives taken bytes back.</summary>
    public void Return(long bytes) => Interlocked.Add(ref _taken, -bytes);
}
