namespace Tracking.Rewrite.Decisions;

/// <summary>Why a tracking host is not used for a message's links.</summary>
public enum HostIgnored
{
    /// <summary>It is no tracking domain of the cluster.</summary>
    NotOfCluster,

    /// <summary>Its record is not verified, or not any more.</summary>
    Pending,

    /// <summary>It only answers old links.</summary>
    Retired,

    /// <summary>It has no valid certificate, and its links must be https.</summary>
    NoCertificate,
}
