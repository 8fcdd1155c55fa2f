namespace Tracking.SmtpFilter.Sessions;

/// <summary>The part of the current transaction's envelope that the next hop has accepted.</summary>
/// <param name="Sender">The sender; empty for the null sender.</param>
internal sealed record Envelope(string Sender)
{
    /// <summary>The accepted recipients.</summary>
    public List<string> Recipients { get; } = [];
}
