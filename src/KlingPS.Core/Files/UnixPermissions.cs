namespace KlingPS.Core.Files;

/// <summary>Who may do what with a file on Linux and macOS.</summary>
/// <param name="Owner">The number of the user it belongs to; 0 for root.</param>
/// <param name="Mode">The bits of its mode, as <c>chmod</c> takes them.</param>
internal readonly record struct UnixPermissions(uint Owner, UnixFileMode Mode);
