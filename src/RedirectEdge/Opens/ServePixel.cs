using Microsoft.AspNetCore.Http;
using Tracking.Links;
using Tracking.RedirectEdge.Events;

namespace Tracking.RedirectEdge.Opens;

/// <summary>Serves <c>/o/&lt;token&gt;</c>: records the open and answers with a transparent pixel.</summary>
internal sealed class ServePixel(RecordEvent record, EdgeMeters meters)
{
    /// <summary>The pixel's media type.</summary>
    public const string ContentType = "image/gif";

    /// <summary>The 43 bytes of a 1×1 transparent GIF (GIF89a): the smallest image that every mail program
    /// accepts.</summary>
    public static readonly byte[] Gif =
    [
        .. "GIF89a"u8, 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff,
        0x21, 0xf9, 4, 1, 0, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b,
    ];

    /// <summary>Answers a verified open token on its host.</summary>
    public Task ServeAsync(HttpContext context, in LinkToken token)
    {
        EdgeAnswer.Write(context, EdgeOutcome.Pixel);
        if (context.Request.Method != HttpMethods.Get)
        {
            return Task.CompletedTask;
        }

        meters.Opens.Add(1);
        return record.Record(context, token);
    }
}
