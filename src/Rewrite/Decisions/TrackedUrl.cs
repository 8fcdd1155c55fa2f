using System.Buffers;
using System.Text;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Decisions;

/// <summary>The part of a tracked URL between origin and token.</summary>
internal static class TrackedUrl
{
    // A browser reads a backslash as a slash, a server does not. Many readers of plain text end a URL at "<" or a
    // quote.
    private static readonly SearchValues<byte> _notVisible = SearchValues.Create("\\<>\"'`"u8);

    /// <summary>Octets that a tracked URL takes.</summary>
    public static int Length(
        RewriteRequest request, RewriteLimits limits, in DestinationUrl destination, bool isHtml, bool isImage)
    {
        var length = request.Origin!.Ascii.Length + LinkToken.Length;
        if (isImage || !ShowsPath(request, limits, destination.Path))
        {
            return length + 3;
        }

        length += Math.Max(1, destination.Path.Length) + 1;
        return isHtml ? length + (4 * destination.Path.Count((byte)'&')) : length;
    }

    /// <summary>Appends what stands between origin and token.</summary>
    public static void AppendPath(
        RewriteRequest request, RewriteLimits limits, ReadOnlySpan<byte> url, bool isHtml, ByteBuffer output)
    {
        if (request.LinkStyle != LinkStyle.Path
            || DestinationPolicy.Read(url, null, out var destination) != DestinationOutcome.Accepted
            || !ShowsPath(request, limits, destination.Path))
        {
            output.Append("/c/"u8);
            return;
        }

        var path = destination.Path.IsEmpty ? "/"u8 : destination.Path;
        while (isHtml && path.IndexOf((byte)'&') is >= 0 and var ampersand)
        {
            output.Append(path[..ampersand]);
            output.Append("&amp;"u8);
            path = path[(ampersand + 1)..];
        }

        output.Append(path);
        output.Append((byte)'-');
    }

    private static bool ShowsPath(RewriteRequest request, RewriteLimits limits, ReadOnlySpan<byte> path) =>
        request.LinkStyle == LinkStyle.Path
        && path.Length <= limits.MaxVisiblePathBytes
        && path.IndexOfAny(_notVisible) < 0
        && HasPlainSegments(path)
        && HasPlainEscapes(path);

    // A browser resolves dot segments, so /a/../.well-known/x would become a path that belongs to the certificate
    // authority. Paths that begin with a dot are seldom meant to be seen.
    private static bool HasPlainSegments(ReadOnlySpan<byte> path)
    {
        while (path.IndexOf((byte)'/') is >= 0 and var slash)
        {
            path = path[(slash + 1)..];
            if (path.StartsWith("."u8) || (path.Length >= 3 && Ascii.EqualsIgnoreCase(path[..3], "%2e"u8)))
            {
                return false;
            }
        }

        return true;
    }

    // Kestrel, nginx and Apache httpd answer 400 to an encoded NUL. nginx and httpd also answer 400 to an invalid
    // escape. httpd answers 404 to an encoded slash (AllowEncodedSlashes). Proxies drop or refuse other encoded
    // controls.
    private static bool HasPlainEscapes(ReadOnlySpan<byte> path)
    {
        Span<byte> decoded = stackalloc byte[1];
        while (path.IndexOf((byte)'%') is >= 0 and var percent)
        {
            path = path[(percent + 1)..];
            if (path.Length < 2
                || Convert.FromHexString(path[..2], decoded, out _, out _) != OperationStatus.Done
                || decoded[0] is < 0x20 or 0x7f or (byte)'/' or (byte)'\\')
            {
                return false;
            }
        }

        return true;
    }
}
