using System.Text;
using Tracking.Links;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Html;

/// <summary>The URL of a document's <c>base</c> element. The browser that follows the link resolves dot
/// segments.</summary>
internal readonly struct BaseUrl
{
    private readonly byte[]? _url;
    private readonly int _schemeEnd;
    private readonly int _pathStart;
    private readonly int _pathEnd;

    private BaseUrl(byte[] url, int schemeEnd, int pathStart, int pathEnd)
    {
        _url = url;
        _schemeEnd = schemeEnd;
        _pathStart = pathStart;
        _pathEnd = pathEnd;
    }

    /// <summary>Whether there is an http or https base.</summary>
    public bool IsGiven => _url is not null;

    /// <summary>Reads the element's <c>href</c>.</summary>
    public static BaseUrl Read(ReadOnlySpan<byte> href, Encoding? encoding)
    {
        if (DestinationPolicy.Read(href, encoding, out var destination) != DestinationOutcome.Accepted)
        {
            return default;
        }

        var url = destination.Url.ToArray();
        var rest = url.AsSpan().IndexOfAny((byte)'?', (byte)'#');
        var pathEnd = rest < 0 ? url.Length : rest;
        return new BaseUrl(url, destination.IsHttps ? 6 : 5, pathEnd - destination.Path.Length, pathEnd);
    }

    /// <summary>Makes a relative reference absolute.</summary>
    /// <returns><see langword="false"/> for a reference with a scheme, which is not relative.</returns>
    public bool Resolve(ReadOnlySpan<byte> reference, ByteBuffer output)
    {
        output.Truncate();
        var isScheme = reference.StartsWith("http:"u8) || reference.StartsWith("https:"u8);
        if (_url is null || reference.IsEmpty || isScheme
            || reference.IndexOfAny((byte)'\t', (byte)'\r', (byte)'\n') >= 0)
        {
            return false;
        }

        var url = _url.AsSpan();
        var isRooted = IsSlash(reference[0]);
        if (isRooted && reference.Length > 1 && IsSlash(reference[1]))
        {
            output.Append(url[.._schemeEnd]);
        }
        else if (isRooted)
        {
            output.Append(url[.._pathStart]);
        }
        else if (reference[0] == '?')
        {
            output.Append(url[.._pathEnd]);
        }
        else
        {
            var directory = url[_pathStart.._pathEnd].LastIndexOfAny((byte)'/', (byte)'\\') + 1;
            output.Append(url[..(_pathStart + directory)]);
            if (directory == 0)
            {
                output.Append((byte)'/');
            }
        }

        output.Append(reference);
        return true;
    }

    private static bool IsSlash(byte c) => c is (byte)'/' or (byte)'\\';
}
