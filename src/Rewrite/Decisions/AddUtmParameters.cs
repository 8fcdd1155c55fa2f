using System.Buffers;
using Tracking.Links;

namespace Tracking.Rewrite.Decisions;

/// <summary>
/// Adds the sender's UTM parameters to the destinations of tracked links. It runs after every decision, which is about
/// the URL that the sender wrote. Images and links that stay plain get none.
/// </summary>
internal static class AddUtmParameters
{
    /// <summary>Adds them.</summary>
    public static void Run(LinkReport report, UtmParameters? parameters)
    {
        if (parameters is null || parameters.IsEmpty || report.Tracked == 0)
        {
            return;
        }

        var url = new ArrayBufferWriter<byte>(256);
        for (var i = 0; i < report.Count; i++)
        {
            ref var row = ref report.Row(i);
            if (!row.IsTracked || row.Kind != LinkKind.Click)
            {
                continue;
            }

            url.ResetWrittenCount();
            if (parameters.TryAdd(report.Destination(row), url))
            {
                row.Destination = report.Keep(url.WrittenSpan);
                row.HasOwnDestination = true;
            }
        }
    }
}
