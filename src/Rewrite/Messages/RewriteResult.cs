using Tracking.Links;
using Tracking.Rewrite.Decisions;

namespace Tracking.Rewrite.Messages;

/// <summary>Formats results for the headers of HTTP and AMQP.</summary>
internal static class RewriteResult
{
    /// <summary>The requested host that is not used, and the reason.</summary>
    public static string Of(IgnoredHost ignored) =>
        $"{InHeader(ignored.Host)} is not used: {WireWords.Of(ignored.Why)}";

    /// <summary>The message's own headers that are not obeyed, and the reasons; <see langword="null"/> when all
    /// are.</summary>
    public static string? Of(IReadOnlyList<IgnoredHeader> ignored) =>
        ignored.Count == 0 ? null : string.Join(", ", ignored.Distinct());

    /// <summary>A requested host. It may come from the message, so it must not break the header.</summary>
    private static string InHeader(string host)
    {
        var shown = HostName.TryParse(host, out var name) ? name.Value : host;
        return string.Concat(shown.Take(HostName.MaxLength).Select(c => c is > ' ' and <= '~' ? c : '?'));
    }
}
