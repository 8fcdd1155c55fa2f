using Tracking.Links;
using Tracking.Rewrite.Decisions;

namespace Tracking.Rewrite.Messages;

/// <summary>How a result is put into headers, of HTTP and AMQP alike.</summary>
internal static class RewriteResult
{
    /// <summary>The host that was asked for and is not used, and why.</summary>
    public static string Of(IgnoredHost ignored) => $"{InHeader(ignored.Host)} is not used: {WireWords.Of(ignored.Why)}";

    /// <summary>A host that was asked for. It may come out of the message: nothing in it may break a header.</summary>
    private static string InHeader(string host)
    {
        var shown = HostName.TryParse(host, out var name) ? name.Value : host;
        return string.Concat(shown.Take(HostName.MaxLength).Select(c => c is > ' ' and <= '~' ? c : '?'));
    }
}
