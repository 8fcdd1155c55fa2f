namespace Tracking.RedirectEdge.Events;

/// <summary>Records that wait for the turn, and those who wait for them.</summary>
internal sealed class AppendGroup(byte[] buffer)
{
    private readonly TaskCompletionSource _written = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _length;

    /// <summary>Free for another group once this one is written.</summary>
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
