namespace Tracking.Links;

/// <summary>What a tracking URL does when it is fetched; two bits of the token.</summary>
public enum LinkKind : byte
{
    /// <summary>A link: recorded, then redirected to its destination.</summary>
    Click = 0,

    /// <summary>The open pixel: recorded, answered with a 1×1 GIF.</summary>
    Open = 1,

    /// <summary>A tracked image: recorded, then redirected to the original image.</summary>
    Image = 2,

    /// <summary>A link no person sees: whoever follows it is a machine.</summary>
    Honeypot = 3,
}
