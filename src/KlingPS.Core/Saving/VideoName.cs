namespace KlingPS.Core.Saving;

/// <summary>What a video is called, below the destination and with <c>/</c> between folders.</summary>
/// <param name="Wanted">As the template makes it.</param>
/// <param name="Claimed">As it was free: the same, or with a number that sets it apart from another video of the run.</param>
public sealed record VideoName(string Wanted, string Claimed);
