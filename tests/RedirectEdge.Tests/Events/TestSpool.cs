using System.Net;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Tracking.Contracts;
using Tracking.Links;
using Tracking.RedirectEdge.Events;

namespace Tracking.RedirectEdge.Tests.Events;

/// <summary>A spool on a folder, as in a process. Every event has a marker as its user agent.</summary>
internal sealed class TestSpool : IDisposable
{
    private readonly EdgeFolder _folder;

    public TestSpool(
        TemporaryFolder folder,
        Action<RedirectEdgeOptions>? configure = null,
        TimeProvider? time = null,
        TestMeters? meters = null)
        : this(folder.Path, configure, time, meters)
    {
    }

    public TestSpool(
        string folder,
        Action<RedirectEdgeOptions>? configure = null,
        TimeProvider? time = null,
        TestMeters? meters = null)
    {
        Options = new RedirectEdgeOptions { Folder = folder };
        configure?.Invoke(Options);
        Meters = meters ?? new TestMeters();
        _folder = EdgeFolder.Open(folder);
        Spool = new EventSpool(
            _folder,
            Microsoft.Extensions.Options.Options.Create(Options),
            time ?? TimeProvider.System,
            Meters.Edge,
            NullLogger<EventSpool>.Instance);
    }

    public EventSpool Spool { get; }

    public RedirectEdgeOptions Options { get; }

    public TestMeters Meters { get; }

    public static LinkToken Token { get; } =
        new(new ClusterId(7), new MessageKey(0x1122334455667788, 9), new LinkId(42), 3, LinkKind.Click);

    /// <summary>Appends an event and waits until it is written or dropped.</summary>
    public void Append(string marker)
    {
        var written = AppendAsync(marker);
        if (!written.IsCompleted)
        {
            Assert.True(written.Wait(TimeSpan.FromSeconds(60)), "An append does not end.");
        }

        Assert.True(written.IsCompletedSuccessfully);
    }

    public Task AppendAsync(string marker) => Spool.Append(new SpoolEvent
    {
        Token = Token,
        ClientAddress = IPAddress.Loopback.GetAddressBytes(),
        UserAgent = Encoding.UTF8.GetBytes(marker),
    });

    public IEnumerable<SpoolSegment> TakeSealed()
    {
        while (Spool.Sealed.TryRead(out var segment))
        {
            yield return segment;
        }
    }

    public List<string> Markers(SpoolSegment segment) =>
        Read(File.ReadAllBytes(Path.Combine(_folder.SpoolPath, segment.FileName))).Markers;

    public static (List<string> Markers, FrameOutcome End) Read(ReadOnlySpan<byte> bytes)
    {
        var markers = new List<string>();
        while (!bytes.IsEmpty)
        {
            var outcome = EventRecord.ReadFrame(bytes, out var record, out var size);
            if (outcome == FrameOutcome.Torn)
            {
                return (markers, outcome);
            }

            if (outcome == FrameOutcome.Whole)
            {
                markers.Add(Encoding.UTF8.GetString(record.UserAgent));
            }

            bytes = bytes[size..];
        }

        return (markers, FrameOutcome.Whole);
    }

    public void Dispose()
    {
        Spool.Dispose();
        _folder.Dispose();
        Meters.Dispose();
    }
}
