using System.Reflection;
using System.Runtime.CompilerServices;

namespace KlingPS.Core.Tests.Stages;

/// <summary>One exception of every type that the runtime has, and the assemblies the engine is built on.</summary>
internal static class EveryException
{
    /// <summary>New instances: an exception that has been thrown remembers where.</summary>
    public static IReadOnlyList<Exception> Create() => [.. s_types.Select(Create)];

    private static readonly IReadOnlyList<Type> s_types =
    [
        .. new[] { typeof(object).Assembly }
            .Concat(typeof(KlingException).Assembly.GetReferencedAssemblies().Select(Assembly.Load))
            .SelectMany(assembly => assembly.GetTypes().Concat(assembly.GetForwardedTypes()))
            .Where(type => type.IsAssignableTo(typeof(Exception)) && !type.IsAbstract && !type.ContainsGenericParameters)
            .Distinct()
            .OrderBy(type => type.FullName, StringComparer.Ordinal),
    ];

    private static Exception Create(Type type)
    {
        object?[][] arguments = [["Something broke."], [], ["Something broke.", null]];
        foreach (object?[] given in arguments)
        {
            try
            {
                return (Exception)Activator.CreateInstance(type, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic, null, given, null)!;
            }
            catch (Exception exception) when (exception is MissingMethodException or AmbiguousMatchException or TargetInvocationException)
            {
            }
        }

        return (Exception)RuntimeHelpers.GetUninitializedObject(type);
    }
}
