using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.CompilerServices;

namespace KlingPS.Core.Tests.Stages;

/// <summary>One exception of every type that the runtime has, and the assemblies the engine is built on.</summary>
internal static class EveryException
{
    /// <summary>New instances: an exception that has been thrown remembers where.</summary>
    public static IReadOnlyList<Exception> Create() => [.. s_types.Select(Create)];

    /// <summary>
    /// New instances, one of each kind. Two types are of one kind if no code on the way of an exception can tell them apart: they derive from
    /// the same of the types that this code names, and say what they are in the same way. To throw one stands for all of them.
    /// </summary>
    public static IReadOnlyList<Exception> CreateOfEachKind() => [.. s_types.OrderBy(type => Ancestry(type).Count()).DistinctBy(KindOf).Select(Create)];

    private static readonly IReadOnlyList<Type> s_types =
    [
        .. new[] { typeof(object).Assembly }
            .Concat(typeof(KlingException).Assembly.GetReferencedAssemblies().Select(Assembly.Load))
            .SelectMany(assembly => assembly.GetTypes().Concat(assembly.GetForwardedTypes()))
            .Where(type => type.IsAssignableTo(typeof(Exception)) && !type.IsAbstract && !type.ContainsGenericParameters)
            .Distinct()
            .OrderBy(type => type.FullName, StringComparer.Ordinal),
    ];

    /// <summary>The types of exceptions that the code names through which an exception comes: that of this product, and that which sends requests.</summary>
    private static readonly HashSet<string> s_named = [.. new[] { typeof(KlingException).Assembly, typeof(HttpClient).Assembly }.SelectMany(NamedBy)];

    private static IEnumerable<string> NamedBy(Assembly assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly.Location));
        MetadataReader metadata = file.GetMetadataReader();
        return
        [
            .. assembly.GetTypes().Where(type => type.IsAssignableTo(typeof(Exception))).Select(type => type.FullName!),
            .. metadata.TypeReferences.Select(metadata.GetTypeReference).Select(type => $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}"),
        ];
    }

    private static string KindOf(Type type)
        => string.Join(
            ' ',
            Ancestry(type).Select(ancestor => ancestor.FullName!).Where(s_named.Contains)
                .Concat(new[] { "get_Message", nameof(ToString), "get_Data" }.Select(member => type.GetMethod(member, Type.EmptyTypes)!.DeclaringType!.FullName!)));

    private static IEnumerable<Type> Ancestry(Type type)
    {
        for (Type? ancestor = type; ancestor is not null; ancestor = ancestor.BaseType)
        {
            yield return ancestor;
        }
    }

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
