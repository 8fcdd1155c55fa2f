namespace Tracking.SmtpFilter.Sessions;

/// <summary>The envelope of the transaction in progress, as far as the next hop has taken it.</summary>
/// <param name="Sender">The sender; empty for the null sender.</param>
internal sealed record Envelope(string Sender)
{
    /// <summary>The accepted recipients.</summary>
    public List<string> Recipients { get; } = [];
}
