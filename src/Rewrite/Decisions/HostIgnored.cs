namespace Tracking.Rewrite.Decisions;

/// <summary>Why a tracking host is not used for a message's links.</summary>
public enum HostIgnored
{
    /// <summary>The host is not a tracking domain of the cluster.</summary>
    NotOfCluster,

    /// <summary>The domain's DNS record is not verified, or no longer verified.</summary>
    Pending,

    /// <summary>The domain only answers old links.</summary>
    Retired,

    /// <summary>The domain has no valid certificate, and its links must be https.</summary>
    NoCertificate,
}
