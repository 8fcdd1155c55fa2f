namespace Tracking.Rewrite.Doors;

/// <summary>The treatment of a message while its links cannot be registered.</summary>
public enum WhenStoreUnavailable
{
    /// <summary>The message waits, in our queue or in its MTA's, at most <c>Tracking__Rewrite__Queue__LongestHold</c>
    /// from the beginning of the outage.</summary>
    Wait,

    /// <summary>The message goes out untracked at once.</summary>
    PassThrough,
}
