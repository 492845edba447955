namespace KlingPS.Core.Sessions;

/// <summary>How far an upload or a download has come.</summary>
/// <param name="Name">What is moved: the file's name.</param>
/// <param name="IsUpload">Whether it goes to the service.</param>
/// <param name="Bytes">Bytes moved so far.</param>
/// <param name="Total">Bytes in all, if that is known.</param>
/// <param name="IsOver">Whether it has ended, well or not.</param>
public sealed record Transfer(string Name, bool IsUpload, long Bytes, long? Total, bool IsOver);
