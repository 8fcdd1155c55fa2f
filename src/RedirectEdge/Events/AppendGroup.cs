namespace Tracking.RedirectEdge.Events;

/// <summary>Records that wait for the turn, and the requests that wait for these records.</summary>
internal sealed class AppendGroup(byte[] buffer)
{
    private readonly TaskCompletionSource _written = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _length;

    /// <summary>The buffer. Another group may use it once this group is written.</summary>
    public byte[] Buffer { get; private set; } = buffer;

    public int Events { get; private set; }

    public ReadOnlySpan<byte> Bytes => Buffer.AsSpan(0, _length);

    public Task Written => _written.Task;

    public void Add(ReadOnlySpan<byte> frame)
    {
        if (Buffer.Length - _length < frame.Length)
        {
            var larger = Buffer;
            Array.Resize(ref larger, Math.Max(Buffer.Length * 2, _length + frame.Length));
            Buffer = larger;
        }

        frame.CopyTo(Buffer.AsSpan(_length));
        _length += frame.Length;
        Events++;
    }

    public void Complete() => _written.SetResult();
}
