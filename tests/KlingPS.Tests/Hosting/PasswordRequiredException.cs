namespace KlingPS.Tests.Hosting;

/// <summary>Called as SecretManagement calls what a locked vault throws.</summary>
public sealed class PasswordRequiredException() : Exception("A valid password is required to access the vault.");
