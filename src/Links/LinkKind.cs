namespace Tracking.Links;

/// <summary>The effect of requesting a tracking URL; two bits of the token.</summary>
public enum LinkKind : byte
{
    /// <summary>A link: recorded, then redirected to its destination.</summary>
    Click = 0,

    /// <summary>The open pixel: recorded, answered with a 1×1 GIF.</summary>
    Open = 1,

    /// <summary>A tracked image: recorded, then redirected to the original image.</summary>
    Image = 2,

    /// <summary>A link that people cannot see: only a machine follows it.</summary>
    Honeypot = 3,
}
